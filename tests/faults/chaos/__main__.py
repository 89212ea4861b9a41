"""`python -m tests.faults.chaos --rounds 200 --seed 7`: storms and calms on a database of their own.

SQLite, or a new database on the server that `TEST_DATABASE_URL` names. Prints the seed first and the counts last;
ends with 1 where a round left behind what must not be, with the number of the round that did.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import django

from tests.own_portal import own_portal


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="0 takes one at random")
    parser.add_argument("--first", type=int, default=0, help="the number of the first round")
    parser.add_argument("--every-point", action="store_true", help="fail where a point had no victim")
    parser.add_argument("--enough", type=int, default=0, help="end after so many rounds once each point had a victim")
    parser.add_argument("--plant", default="", help="a fault of planted.py that the rounds are to find")
    return parser.parse_args()


def main() -> int:
    """Play the rounds."""
    options = arguments()
    seed = options.seed or random.randrange(1, 10**6)
    print(f"chaos: seed {seed}, {options.rounds} rounds from {options.first}", flush=True)
    with TemporaryDirectory(prefix="chaos-") as folder, own_portal(Path(folder)) as portal:
        os.environ.update(portal.environment)
        django.setup()
        # What the storm does to requests and calls is told by the counts.
        logging.disable(logging.CRITICAL)
        # Only now: everything else wants Django set up.
        from tests.faults.chaos.campaign import Campaign
        from tests.faults.chaos.planted import FAULTS

        if options.plant:
            FAULTS[options.plant]()
        began = time.monotonic()
        campaign = Campaign(Path(folder), seed)
        for number in range(options.first, options.first + options.rounds):
            campaign.play(number)
            if options.plant and campaign.wrong:
                break
            if options.enough and campaign.rounds >= options.enough and not campaign.missed():
                break
        campaign.close()
        print(campaign.summary(time.monotonic() - began))
        missed = campaign.missed() if options.every_point else []
        for name in missed:
            print(f"No process died at: {name}")
        for line in campaign.wrong:
            print(f"WRONG {line}")
        return 1 if campaign.wrong or missed else 0


if __name__ == "__main__":
    sys.exit(main())
