"""`python -m vibelux` is the command line."""

from vibelux.cli.main import main

raise SystemExit(main())
