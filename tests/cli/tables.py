"""Tables as people have them."""

import numpy as np
import pandas as pd


def shop(n_rows=90, seed=0):
    """Numbers, categories, missing cells and two classes that depend on both."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "size": rng.standard_normal(n_rows).round(3),
            "color": rng.choice(["red", "green", "blue"], n_rows),
            "count": rng.randint(0, 9, n_rows).astype(float),
        }
    )
    buys = frame["size"] + 0.8 * (frame["color"] == "red") + 0.3 * rng.standard_normal(n_rows)
    frame.loc[::9, "count"] = np.nan
    return frame.assign(bought=np.where(buys > 0.2, "yes", "no"))


def written(frame, path, **options):
    frame.to_csv(path, index=False, **options)
    return str(path)
