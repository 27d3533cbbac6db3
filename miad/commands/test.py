"""``miad test``: how good a trained network is."""
