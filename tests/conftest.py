"""What every test may use. Fixtures live beside what they are about and are named here."""
