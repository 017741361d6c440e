"""Metrics under the names that networks' users know: the functions are scikit-learn's.

All take the truth first and predictions second. Of more than two classes, `precision`, `recall`
and `f1` ask for ``average=``, for example ``"macro"``.

Examples
--------
>>> from crossfold.mlp import metrics
>>> metrics.accuracy([0, 1, 1], [0, 1, 0]) == 2 / 3
True
"""

from sklearn.metrics import accuracy_score as accuracy
from sklearn.metrics import confusion_matrix
from sklearn.metrics import f1_score as f1
from sklearn.metrics import precision_score as precision
from sklearn.metrics import r2_score as r2
from sklearn.metrics import recall_score as recall

__all__ = ["accuracy", "confusion_matrix", "f1", "precision", "r2", "recall"]
