"""An order of the queue."""

import numpy as np


class LargestTenantLast:
    """Jobs of the tenant that has most of the queue go last, others first come, first served."""

    def order(self, queue, now_s):
        """Positions in ``queue``, best first."""
        largest = np.bincount(queue.tenant).argmax()
        return np.lexsort((queue.submit_s, queue.tenant == largest))
