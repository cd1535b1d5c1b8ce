"""
AutoencoderImputer: a table with holes, filled
==============================================

A table of passengers as tables are: numbers and categories, and holes that are not just random.
The imputer fills them, says how well, and draws them again where one guess is not enough.
"""

# %%
# The passengers are made up. Their class decides on fare, deck and age.
# Ages are missing more often in the third class; deck and port are missing together.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tfae import Autoencoder, AutoencoderImputer, plotting

rng = np.random.default_rng(0)
n = 900
place = rng.choice(3, n, p=[0.25, 0.25, 0.5])
family = rng.poisson(0.8, n)
age = np.clip(rng.normal(42 - 7 * place - 3 * family, 11), 1, 80).round()
table = pd.DataFrame(
    {
        "class": pd.Categorical.from_codes(place, ["first", "second", "third"]),
        "sex": np.where(rng.random(n) < 0.35, "female", "male"),
        "age": age,
        "family": family,
        "fare": np.exp(4.3 - 0.9 * place + 0.4 * np.log1p(family) + 0.2 * rng.normal(size=n)),
        "deck": np.array(list("ABCDEF"))[2 * place + (rng.random(n) < 0.4)],
        "port": np.where(rng.random(n) < 0.15 + 0.5 * (place == 0), "Cherbourg", "Southampton"),
        "married": (age > 24) & (family > 0),
    }
).astype({"family": "Int64", "married": "boolean"})

holes = pd.DataFrame(rng.random(table.shape) < 0.08, columns=table.columns)
holes["age"] |= rng.random(n) < 0.15 * place
no_ticket = rng.random(n) < 0.2
holes["deck"] |= no_ticket
holes["port"] |= no_ticket & (rng.random(n) < 0.8)
holed = table.mask(holes)

plotting.missing_together(holed)

# %%
# Nothing is set but the seed. On hidden entries of held-out rows the network is compared with its
# linear model, and the error of every column is measured. In the units of the picture 1 is the
# error of the mean, or of the most frequent value. Nothing in this table tells a man from a woman.

imputer = AutoencoderImputer(random_state=0).fit(holed)
print({name: round(value, 2) for name, value in imputer.baseline_.items()})
plotting.imputation_errors(imputer, holed)

# %%
# A guess is a mean, so it knows nothing of the spread. Draws have it: here are the ages that were
# deleted, the guesses, and 20 draws for each.

guess = imputer.transform(holed)
draws = imputer.impute(holed, n_imputations=20)
deleted = holes["age"]
ages = np.array([draw["age"][deleted] for draw in draws])
inside = (ages.min(axis=0) <= table["age"][deleted]) & (ages.max(axis=0) >= table["age"][deleted])
print(f"between the smallest and the largest draw: {inside.mean():.0%} (19/21 is {19 / 21:.0%})")

fig, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
bins = np.arange(0, 85, 5)
ax.hist(table["age"][deleted], bins, density=True, color="0.8", label="deleted")
ax.hist(guess["age"][deleted], bins, density=True, histtype="step", label="guessed")
ax.hist(ages.ravel(), bins, density=True, histtype="step", label="drawn")
ax.set_xlabel("age")
ax.set_yticks([])
ax.legend()

# %%
# An autoencoder of the same table says which values do not fit their rows. One fare is ten times
# what it was, and its row stands out.

checked = guess.head(12).copy()
checked.loc[3, "fare"] *= 10
autoencoder = Autoencoder(5, random_state=0).fit(guess)
plotting.column_errors(autoencoder, pd.concat([checked, guess.iloc[12:]]), n_rows=12)
