"""How the PsyLite model is made: `psylite model mix | reason | pairs | train | merge | gguf | check`.

`data` reads and writes rows, `likeness` finds twins and leaks, `mix` builds the training set, `reason` asks a teacher
for the thinking, `recipe` reads model/*.yaml, `train` runs trl on peft, `export` makes GGUF and Modelfile, `check`
looks whether what must survive has survived. Training and export need the extra [train-model];
the plugin never imports any of it.
"""
