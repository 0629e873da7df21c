"""Opens the model in the process that workers are forked from, before it forks any."""

import os

from quoth.serving import workers

workers._open(os.environ[workers.MODEL], 1)
