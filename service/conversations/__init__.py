"""Questions that go on from earlier ones, understood by themselves."""
