"""`python -m afield` is the command."""

from afield.cli import main

if __name__ == "__main__":
    main()
