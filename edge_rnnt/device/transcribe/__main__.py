"""python -m edge_rnnt.device.transcribe"""

import sys

from edge_rnnt.device.transcribe.command import main

sys.exit(main())
