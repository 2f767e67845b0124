"""`psylite up`: the model or its stand-in, Pipelines behind our guard, Open WebUI."""
