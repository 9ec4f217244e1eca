"""The comparison's arithmetic, its reading of what `troupe bench` prints, and its picture. No servers."""

import os
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "apps", "bench", "compare"))

import picture  # noqa: E402
import plan  # noqa: E402
import results  # noqa: E402


def record(round_number, server, scenario, **result):
    return {"round": round_number, "server": server, "scenario": scenario, "result": result}


class Parsing(unittest.TestCase):

    def test_the_line_of_json_is_found(self):
        result = plan.parse_result('nodes: a\n{"operations": 5, "errors": 0}\n', "")
        self.assertEqual(result, {"operations": 5, "errors": 0})

    def test_a_load_that_did_not_run_tells_why(self):
        with self.assertRaisesRegex(RuntimeError, "no session"):
            plan.parse_result("", "troupe bench: no session from 127.0.0.1:1\n")

    def test_what_must_not_be_is_found(self):
        self.assertEqual(plan.problems({"operations": 1, "errors": 0, "order_errors": 0}), [])
        self.assertEqual(plan.problems({"operations": 1, "errors": 2}), ["2 errors"])
        self.assertEqual(plan.problems({"operations": 0}), ["no operations"])
        self.assertEqual(len(plan.problems({"operations": 1, "figures": {"missing": 3}})), 1)
        self.assertEqual(len(plan.problems({"operations": 1, "figures": {"acknowledged": 3, "found": 2}})), 1)
        self.assertEqual(plan.problems({"operations": 1, "figures": {"acknowledged": 3, "found": 3}}), [])

    def test_scenarios_have_names_of_their_own_and_metrics(self):
        for sizes in (plan.Sizes(), plan.SHORT):
            rows = plan.scenarios(sizes)
            self.assertEqual(len({row.name for row in rows}), len(rows))
            self.assertTrue(all(row.metrics for row in rows))


class Ratios(unittest.TestCase):
    row = plan.Scenario("get", "gets", (plan.OPS, plan.P99), None)

    def compare(self, records):
        return results.compare(records, [self.row], "troupe", "zookeeper")

    def test_a_ratio_is_of_one_round_and_above_one_where_ours_is_better(self):
        rates = {"troupe": (60, 30, 80), "zookeeper": (10, 10, 20)}
        times = {"troupe": (5, 10, 20), "zookeeper": (20, 20, 20)}
        records = [
            record(number, server, "get", ops_per_second=rates[server][number],
                   latency_us={"p99": times[server][number]}) for server in rates for number in range(3)
        ]
        rate, latency = self.compare(records)
        self.assertEqual(rate.ratio, (3, 4, 6))
        self.assertEqual((rate.ours, rate.theirs), (60, 10))
        self.assertEqual(latency.ratio, (1, 2, 4))

    def test_what_one_server_has_not_told_is_left_out(self):
        records = [
            record(0, "troupe", "get", ops_per_second=5, latency_us={"p99": 1}),
            record(0, "zookeeper", "get", ops_per_second=5),
            record(0, "zookeeper", "other", ops_per_second=5),
        ]
        self.assertEqual([row.metric for row in self.compare(records)], [plan.OPS])

    def test_rounds_that_only_one_has_give_no_ratio(self):
        records = [record(0, "troupe", "get", ops_per_second=5), record(1, "zookeeper", "get", ops_per_second=5)]
        self.assertIsNone(self.compare(records)[0].ratio)

    def test_numbers_are_readable(self):
        self.assertEqual(results.readable(1_234_567, "/s"), "1.23 M/s")
        self.assertEqual(results.readable(53_000_000, "B"), "53 MB")
        self.assertEqual(results.readable(1500, "us"), "1.5 ms")
        self.assertEqual(results.readable(412, "us"), "412 us")


class Picture(unittest.TestCase):

    def test_it_is_xml_with_a_bar_for_each_ratio(self):
        row = plan.Scenario("a", "fewer < than & more", (plan.OPS, ), None)
        comparisons = [
            results.Comparison(row, plan.OPS, {0: 50, 1: 70}, {0: 10, 1: 10}),
            results.Comparison(row, plan.OPS, {0: 5}, {0: 10}),
            results.Comparison(row, plan.OPS, {0: 5}, {1: 10}),
        ]
        text = picture.draw(comparisons, "troupe", "zookeeper", ["a note"])
        root = xml.etree.ElementTree.fromstring(text)
        shapes = [element for element in root if element.tag.endswith("rect")]
        self.assertEqual(len(shapes), 1 + 2)  # the ground and two bars: the third has no ratio
        self.assertIn("6.0×", text)
        self.assertIn("0.5×", text)

    def test_the_scale_holds_all_and_puts_one_in_its_place(self):
        scale = picture.Scale([(0.1, 3, 40)])
        places = [scale(ratio) for ratio in (0.1, 1, 3, 40)]
        self.assertEqual(places, sorted(places))
        self.assertGreaterEqual(places[0], picture.LEFT)
        self.assertLessEqual(places[-1], picture.LEFT + picture.PLOT)


if __name__ == "__main__":
    unittest.main()
