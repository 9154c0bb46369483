"""Gradient-boosted trees as plain arrays: what scikit-learn has grown, stored and evaluated without it."""

from typing import Any

import numpy as np


class Trees:
    """Arrays over the nodes of all trees, one tree after the other; the first node of a tree is its root.

    `feature`, `threshold`, `left`, `right` (nodes, counted over all trees; a leaf is its own child), `value` (of a
    leaf), `root` (trees,): iteration after iteration, in each one tree per raw score; `start` (S,): the scores before any tree.
    """

    def __init__(self, feature, threshold, left, right, value, root, start):
        self.feature, self.threshold, self.left, self.right = feature, threshold, left, right
        self.value, self.root, self.start = value, root, start

    @classmethod
    def from_scikit_learn(cls, model: Any) -> "Trees":
        """Take over a fitted HistGradientBoostingClassifier of numerical features without gaps."""
        trees = [tree.nodes for iteration in model._predictors for tree in iteration]
        root = np.cumsum([0] + [len(nodes) for nodes in trees[:-1]])
        nodes, offset = np.concatenate(trees), np.repeat(root, [len(nodes) for nodes in trees])
        itself, leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
        return cls(
            feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int64),
            threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
            left=np.where(leaf, itself, nodes["left"].astype(np.int64) + offset),
            right=np.where(leaf, itself, nodes["right"].astype(np.int64) + offset),
            value=nodes["value"].astype(np.float64),
            root=root,
            start=np.asarray(model._baseline_prediction, np.float64).ravel(),
        )

    def logits(self, table: np.ndarray) -> np.ndarray:
        """Features (N, F) → logits (N, K); with two classes the first one's is 0."""
        node = np.tile(self.root, (len(table), 1))  # (N, trees)
        rows = np.arange(len(table))[:, None]
        while True:
            lower = table[rows, self.feature[node]] <= self.threshold[node]
            following = np.where(lower, self.left[node], self.right[node])
            if np.array_equal(following, node):
                break
            node = following
        scores = self.start + self.value[node].reshape(len(table), -1, len(self.start)).sum(axis=1)
        return np.concatenate([np.zeros_like(scores), scores], axis=1) if scores.shape[1] == 1 else scores

    def arrays(self) -> dict[str, np.ndarray]:
        names = ("feature", "threshold", "left", "right", "value", "root", "start")
        return {name: getattr(self, name) for name in names}

    def size(self) -> int:
        """Number of thresholds and leaves: what was learnt."""
        return len(self.feature)
