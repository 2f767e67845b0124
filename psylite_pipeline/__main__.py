"""`python -m psylite_pipeline`: the command `psylite` where its script is not on the path."""

from psylite_pipeline.cli import main

if __name__ == "__main__":
    main()
