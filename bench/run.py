"""All benchmarks, one after the other, each in a process of its own: JSON lines on stdout.

Ratios are between things measured in the same run. Peers are not dependencies: name the Python of an environment
that has them (GRIDSTATUS_PYTHON, PYPSA_PYTHON, OEMOF_PYTHON); what is not named is left out and said to be.
"""

import json
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NOT_ONE = {"run", "side_by_side", "plants", "results", "results_page"}


def main() -> int:
    """Runs every benchmark beside this file; exit code 1 when one failed."""
    print(json.dumps({"machine": platform.machine(), "system": platform.system(), "python": platform.python_version()}))
    failed = 0
    for script in sorted(HERE.glob("*.py")):
        if script.stem in NOT_ONE:
            continue
        print(json.dumps({"benchmark": script.stem}), flush=True)
        failed += subprocess.run([sys.executable, str(script)], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
