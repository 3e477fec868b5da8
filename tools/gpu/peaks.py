"""What cards' makers state for f32 without tensor cores, in TFLOP/s, by a part of the card's name; the first that fits counts."""
PEAKS = [
    ("H200 NVL", 60.0),
    ("H200", 66.9),
    ("H100 PCIe", 51.2),
    ("H100 NVL", 60.0),
    ("H100", 66.9),
    ("A100", 19.5),
    ("L40S", 91.6),
    ("L4", 30.3),
    ("T4", 8.1),
    ("RTX 4090", 82.6),
]


def peak(name):
    """None where the card is not listed."""
    return next((tflops for part, tflops in PEAKS if part in (name or "")), None)
