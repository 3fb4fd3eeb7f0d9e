"""How the tests are spread over the cores."""

import os

import pytest

MOST = 4  # each process imports and collects everything first


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Processes for `-n auto`: one for each core if all tests are meant; what is asked for by name runs in this one."""
    named = config.args_source is config.ArgsSource.ARGS
    cores = min(os.cpu_count() or 1, MOST)
    return 0 if named or cores == 1 else cores
