"""`python -m firnline`, which is how torchrun starts a command in several processes."""

from firnline.cli import main

if __name__ == "__main__":
    main()
