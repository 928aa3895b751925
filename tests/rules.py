"""Which rule of the product a test proves: `@rule("R58")`. `make spec` lists them."""

import pytest

rule = pytest.mark.rule
