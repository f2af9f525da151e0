"""What the Python module adds to the C interface: arrays in, arrays out, errors. The numbers are worked by hand."""

import math
import threading
import unittest

import diva
import numpy as np

# At 0, 1, 3, 7; classes a a b b. The nearest of each among the others: 1, 0, 1 (of a), 3 (of b): recall@1 is 3/4.
LINE = np.array([[0], [1], [3], [7]], dtype=np.float32)
LABELS = np.array([0, 0, 1, 1])


class Evaluate(unittest.TestCase):
    def test_by_hand(self):
        self.assertEqual(diva.evaluate(LINE, LABELS, metrics=["recall@1"]), {"recall@1": 0.75})
        self.assertEqual(diva.evaluate(LINE, LABELS, "recall@3"), {"recall@3": 1.0})

    def test_default_metrics(self):
        values = diva.evaluate(LINE, LABELS)
        self.assertEqual(list(values), ["recall@1", "recall@2", "recall@4", "recall@8", "map@r", "nmi"])
        self.assertEqual(values, diva.evaluate(LINE, LABELS))

    def test_texts_and_lists(self):
        self.assertEqual(diva.evaluate(LINE.tolist(), ["x", "x", "y", "y"], ["recall@1"]), {"recall@1": 0.75})

    def test_gallery(self):
        # The query 2 (of x) finds 3 (y), the query -1 (of x) finds 0 (x).
        values = diva.evaluate(
            [[2.0], [-1.0]], ["x", "x"], ["recall@1"], gallery=[[0.0], [3.0], [7.0]], gallery_labels=["x", "y", "y"]
        )
        self.assertEqual(values, {"recall@1": 0.5})

    def test_ids(self):
        self.assertEqual(diva.evaluate(LINE, LABELS, ["recall@1"], ids=[5, 5, 6, 6]), {"recall@1": 0.0})

    def test_nothing_to_judge(self):
        self.assertTrue(math.isnan(diva.evaluate(LINE, np.arange(4), ["map@r"])["map@r"]))

    def test_metric_names(self):
        self.assertIn("recall@K", diva.metric_names())

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "recall@K"):
            diva.evaluate(LINE, LABELS, ["recal@1"])
        with self.assertRaisesRegex(ValueError, r"labels must be \[4\]"):
            diva.evaluate(LINE, LABELS[:3])
        with self.assertRaisesRegex(ValueError, "whole numbers"):
            diva.evaluate(LINE, LABELS + 0.5)
        with self.assertRaisesRegex(ValueError, "gallery_labels"):
            diva.evaluate(LINE, LABELS, gallery=LINE)
        with self.assertRaisesRegex(ValueError, "similarity"):
            diva.evaluate(LINE, LABELS, similarity="manhattan")
        with self.assertRaisesRegex(ValueError, "finite"):
            diva.evaluate(np.full((4, 1), np.nan), LABELS)
        with self.assertRaisesRegex(ValueError, r"\[N, D\]"):
            diva.evaluate(LINE[:, 0], LABELS)


class Neighbours(unittest.TestCase):
    def test_by_hand(self):
        found = diva.nearest_neighbours(LINE, k=2)
        self.assertEqual(found.indices.tolist(), [[1, 2], [0, 2], [1, 0], [2, 1]])
        self.assertEqual(found.distances.tolist(), [[1, 3], [1, 2], [2, 3], [4, 6]])

    def test_against_numpy(self):
        for seed in range(20):
            random = np.random.default_rng(seed)
            queries, gallery = random.standard_normal((17, 9), np.float32), random.standard_normal((40, 9), np.float32)
            differences = queries[:, None].astype(np.float64) - gallery[None]
            expected = np.argsort((differences**2).sum(2), axis=1, kind="stable")[:, :5]
            np.testing.assert_array_equal(diva.nearest_neighbours(queries, gallery, 5).indices, expected)

    def test_any_layout_gives_the_same(self):
        rows = np.random.default_rng(1).standard_normal((30, 8)).astype(np.float32)
        expected = diva.nearest_neighbours(rows, k=3).indices
        wide = np.zeros((30, 16), np.float32)
        wide[:, ::2] = rows
        for other in (np.asfortranarray(rows), wide[:, ::2], rows.astype(np.float64), rows.astype(">f4")):
            np.testing.assert_array_equal(diva.nearest_neighbours(other, k=3).indices, expected)

    def test_contiguous_float32_is_not_copied(self):
        self.assertIs(diva._features("f", "a", LINE), LINE)

    def test_read_only_arrays(self):
        rows = LINE.copy()
        rows.flags.writeable = False
        self.assertEqual(diva.nearest_neighbours(rows, k=1).indices.ravel().tolist(), [1, 0, 1, 2])

    def test_short_lists(self):
        found = diva.nearest_neighbours(LINE[:1], LINE[:2], k=3)
        self.assertEqual(found.indices.tolist(), [[0, 1, -1]])
        self.assertTrue(np.isinf(found.distances[0, 2]))

    def test_threads(self):
        expected = diva.nearest_neighbours(LINE, k=2).indices.tolist()
        found = []
        threads = [threading.Thread(target=lambda: found.append(diva.nearest_neighbours(LINE, k=2).indices.tolist())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [expected] * 8)

    def test_errors(self):
        with self.assertRaises(ValueError):
            diva.nearest_neighbours(LINE, k=0)
        with self.assertRaisesRegex(ValueError, "gallery"):
            diva.nearest_neighbours(LINE, np.zeros((3, 2)))
        with self.assertRaises(ValueError):
            diva.nearest_neighbours(LINE, LINE, query_ids=[0, 1, 2, 3])


class Others(unittest.TestCase):
    def test_kmeans(self):
        found = diva.kmeans([[0.0], [1.0], [10.0], [11.0]], 2, restarts=5)
        self.assertEqual(sorted(found.centroids.ravel().tolist()), [0.5, 10.5])
        self.assertEqual(found.objective, 1.0)
        self.assertEqual(found.assignments[0], found.assignments[1])
        self.assertNotEqual(found.assignments[0], found.assignments[2])
        with self.assertRaises(ValueError):
            diva.kmeans(LINE, 5)

    def test_normalise(self):
        rows = np.array([[3, 4], [0, 0]], np.float32)
        np.testing.assert_array_equal(diva.normalise(rows), np.array([[0.6, 0.8], [0, 0]], np.float32))
        self.assertEqual(rows[0, 0], 3)

    def test_version_and_threads(self):
        self.assertRegex(diva.__version__, r"^\d+\.\d+\.\d+$")
        diva.set_num_threads(2)
        with self.assertRaises(ValueError):
            diva.set_num_threads(0)


if __name__ == "__main__":
    unittest.main()
