#!/usr/bin/env python3
"""Make DenseNet-121's files for the peers, as tools/peers does; those for ncnn only where pnnx is.

    make_models.py DIR
"""
import pathlib, sys

from models import find_pnnx, make_models

try:
    make_models(pathlib.Path(sys.argv[1]), "densenet121", with_ncnn=find_pnnx() is not None)
except ImportError as error:
    print(f"not installed: {error}", file=sys.stderr)
    sys.exit(3)
