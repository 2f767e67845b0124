"""How the classifier's weights are made and how a judgement is measured. The core never imports this package."""
