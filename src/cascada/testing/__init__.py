"""Test the selected model on the sealed showers: the only package that reads test.h5, and only for the rule `test_model`.

Whatever needs test results afterwards reads metrics.json and predictions.h5, so that a changed plot does not open the seal.
"""

from cascada.testing.evaluation import test_model

__all__ = ["test_model"]
