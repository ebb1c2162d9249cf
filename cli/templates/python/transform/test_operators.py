import unittest

from dag_guest.harness import SECOND, Records, check_determinism, run

from operators import {{Operator}}


class Test{{Operator}}(unittest.TestCase):
    def test_it_follows_the_values(self):
        self.assertEqual(run({{Operator}}, {"alpha": "0.5"}, [Records.each_second([4.0, 0.0, 2.0])]).values("value"), [4.0, 2.0, 2.0])

    def test_however_it_is_cut_into_batches_and_goes_on_from_snapshots_it_is_the_same(self):
        hosts = ["web1", "web2", "web3"]
        records = Records.of({"host": "utf8", "value": "float64"}, [(i * SECOND, hosts[i % 3], float(i)) for i in range(60)])
        check_determinism({{Operator}}, {"alpha": "0.2", "by": "host"}, [records])
