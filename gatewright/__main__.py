"""`python -m gatewright`: the same as the console script."""

from gatewright.cli.main import main

if __name__ == "__main__":
    main()
