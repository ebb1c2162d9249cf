import unittest

from dag_guest.harness import Records, check_fold, fold

from operators import {{Operator}}


class Test{{Operator}}(unittest.TestCase):
    def test_the_sign_does_not_matter(self):
        self.assertEqual(fold({{Operator}}, {}, Records.each_second([3.0, -3.0])), 3.0)

    def test_however_it_is_cut_into_batches_and_put_together_it_is_the_same(self):
        check_fold({{Operator}}, {}, Records.each_second([i * 0.1 for i in range(50)]))
