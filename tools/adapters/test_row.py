"""python3 -m unittest discover tools/adapters"""
import json, pathlib, subprocess, sys, tempfile, unittest

import row

# Made up, as is every name in it.
REPORT = {
    "version": "0.1.0",
    "engines": [
        {"name": "cpu", "kind": "cpu", "index": None, "backend": None, "driver": None},
        {"name": "Card | 9000", "kind": "discrete", "index": 0, "backend": "vulkan", "driver": "driver 1.2"},
        {"name": "Small", "kind": "integrated", "index": 1, "backend": "metal", "driver": ""},
    ],
    "variants": [
        {"adapter": 1, "kernel": "buffer/a", "variant": "buffer/a/8", "result": "ok", "reason": None},
        {"adapter": 1, "kernel": "buffer/b", "variant": "buffer/b/8", "result": "ok", "reason": None},
        {"adapter": 1, "kernel": "texture/c", "variant": "texture/c/8", "result": "unsupported", "reason": "no textures"},
        {"adapter": 2, "kernel": "buffer/a", "variant": "buffer/a/8", "result": "wrong", "reason": "3 values"},
    ],
    "verify": [
        {"adapter": 1, "arch": "densenet121", "size": "224x224", "precision": "f32", "ok": True, "first_beyond": None},
        {"adapter": 2, "arch": "densenet121", "size": "224x224", "precision": "f32", "ok": False, "first_beyond": "features.conv0"},
    ],
    "times": [
        {"adapter": 1, "arch": "densenet121", "batch": 1, "median_ms": 2.3456, "first_ms": 80.0},
        {"adapter": 1, "arch": "densenet121", "batch": 8, "median_ms": 7.0, "first_ms": 90.0},
    ],
    "choices": [
        {"adapter": 1, "layer": "features.conv0", "variant": "buffer/stem/8", "ms": 0.1},
        {"adapter": 1, "layer": "features.denseblock1.denselayer1.conv1", "variant": "buffer/pointwise_tiled:64x64.t16.k16.w/64", "ms": 0.1},
        {"adapter": 1, "layer": "features.denseblock1.denselayer2.conv1", "variant": "buffer/pointwise_tiled:64x64.t16.k16.w/64", "ms": 0.1},
    ],
}
CARD = ("| Card / 9000 | vulkan, driver 1.2 | 2026-11-27 | 0.1.0 | 2 ok, 1 unsupported | densenet121 f32 ok | 2.35 / 7 "
        "| pointwise_tiled:64x64.t16.k16.w/64 (2), stem/8 (1) |")
SMALL = ("| Small | metal, ? | 2026-11-27 | 0.1.0 | **1 wrong: buffer/a/8** | densenet121 f32 **differs at features.conv0** "
         "| - / - | - |")
PAGE = f"# Adapters\n\n{row.MARKER}\n| adapter | driver |\n|---|---|\n\nThe end.\n"


class Row(unittest.TestCase):
    def test_each_adapter_has_a_row(self):
        self.assertEqual(list(row.rows(REPORT, "2026-11-27")), [CARD, SMALL])

    def test_a_report_that_was_cut_short_has_a_row(self):
        (first, _) = row.rows({"engines": REPORT["engines"]}, "2026-11-27")
        self.assertEqual(first, "| Card / 9000 | vulkan, driver 1.2 | 2026-11-27 | ? | - | - | - / - | - |")

    def test_a_row_of_the_same_adapter_and_driver_is_replaced(self):
        page = row.insert(row.insert(PAGE, [SMALL]), [CARD.replace("2.35", "9.99")])
        page = row.insert(page, [CARD])
        self.assertEqual(page, PAGE.replace("|---|---|\n", f"|---|---|\n{CARD}\n{SMALL}\n"))
        other = CARD.replace("driver 1.2", "driver 1.3")
        self.assertEqual(row.insert(page, [other]).count("Card / 9000"), 2)

    def test_a_page_without_a_marker_is_refused(self):
        with self.assertRaises(ValueError):
            row.insert("# Adapters\n", [CARD])

    def test_the_program_writes_the_page(self):
        with tempfile.TemporaryDirectory() as folder:
            report, page = pathlib.Path(folder, "report.json"), pathlib.Path(folder, "page.md")
            report.write_text(json.dumps(REPORT))
            page.write_text(PAGE)
            command = [sys.executable, row.__file__, report, "--date", "2026-11-27", "--into", page]
            subprocess.run(command, check=True)
            self.assertIn(CARD, page.read_text())
            report.write_text("[]")
            self.assertNotEqual(subprocess.run(command, capture_output=True).returncode, 0)


if __name__ == "__main__":
    unittest.main()
