"""What every test may use. Fixtures live in tests/fixtures_*.py, by what they are about, and are named here."""

pytest_plugins = ["tests.fixtures_store"]
