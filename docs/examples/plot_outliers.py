"""
OutlierDetector: odd rows, and why they are odd
===============================================

A table of orders with mixed columns, in which some rows contradict themselves although each of
their values is usual. The detector finds them, and names the columns.
"""

# %%
# The price of an order follows from the product and the quantity. Past orders were checked, which
# ``training_rows="clean"`` says. In 1 % of the new ones the price of another product was entered,
# and five rows are copies of one another.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from tfae import OutlierDetector, plotting

rng = np.random.default_rng(0)
PRICES = {"apple": 0.5, "book": 20.0, "lamp": 60.0, "bicycle": 900.0}


def drawn(n, rise=1.0):
    """Return usual orders; the log of the total, because prices differ by factors."""
    product = rng.choice(list(PRICES), n, p=[0.4, 0.3, 0.2, 0.1])
    quantity = 1 + rng.poisson(np.where(product == "apple", 12, 1))
    price = rise * pd.Series(product).map(PRICES).to_numpy()
    total = np.log(quantity * price) + rng.normal(0, 0.03, n)
    weekday = rng.choice(["Mon", "Tue", "Wed", "Thu", "Fri"], n)
    columns = {"product": product, "quantity": quantity, "log_total": total, "weekday": weekday}
    return pd.DataFrame(columns)


past, orders = drawn(2000), drawn(2000)
wrong = np.arange(0, 2000, 100)
of_lamps = orders["product"][wrong] == "lamp"
other_price = np.where(of_lamps, PRICES["bicycle"], PRICES["lamp"])
orders.loc[wrong, "log_total"] = np.log(orders["quantity"][wrong] * other_price)
orders.loc[1001:1005] = ["apple", 40, np.log(900.0), "Mon"]

detector = OutlierDetector(
    evidence="both", training_rows="clean", false_alarm_rate=0.01, random_state=0
).fit(past)
detector.reasons(orders, n_columns=2).head(8)

# %%
# One row: the bars start with a constant and end at the oddness of the row.

explained = detector.explain(orders)
plotting.contributions(explained, row=1001, offset=detector.offset_)
plt.show()

# %%
# The oddest rows as a map.

plotting.contribution_map(explained, n_rows=15)
plt.show()

# %%
# What would make a row usual.

odd = orders.iloc[[100, 1001]]
pd.concat({"given": odd, "usual": detector.counterfactual(odd)})

# %%
# More orders, first as before, then with a price list that has risen by a third. The monitor bets
# against the hypothesis that nothing has changed.

monitor = detector.monitor(random_state=0)
for rise in (1.0, 1.0, 1.0, 4 / 3, 4 / 3):
    monitor.update(drawn(200, rise))
plotting.drift(monitor)
plt.show()
