"""The variational autoencoder: a Gaussian code, a likelihood of rows, and new rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, NoReturn

from sklearn.utils import check_random_state

from tfae._data.columns import naming_columns
from tfae._estimators.attributes import Fact
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.parameters import AT_LEAST_0, NOT_NEGATIVE, parameter
from tfae._estimators.tables import given_as
from tfae._fitting.activity import describe_gaussian_code
from tfae._fitting.recipe import Ramp, Recipe
from tfae._inference.fitted import Fitted
from tfae._inference.likelihood import log_likelihood_bound, posterior_of_all, with_noise
from tfae._objective.penalties import GAUSSIAN_KL
from tfae._support.typing import Array


@dataclass(eq=False, repr=False, kw_only=True)
class VariationalAutoencoder(Autoencoder):
    r"""Autoencoder with a random code: a probabilistic model that new rows can be drawn from.

    The encoder gives a mean :math:`\mu` and a variance :math:`\sigma^2` for every component of the
    code. Training draws :math:`z = \mu + \sigma \epsilon` [1]_ and minimises the negative evidence
    lower bound, divided by the number of features:

    .. math:: -\mathbb{E}_{q(z|x)} \log p(x | z) + \beta\, \mathrm{KL}(q(z|x) \,\|\, N(0, I)).

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    beta : float, default=1.0
        The weight :math:`\beta` of the divergence. Above 1 it favours independent components [2]_.
    kl_warm_up : int, default=10
        The number of epochs over which `beta` grows from 0. This keeps units from being switched
        off before they have learnt anything [3]_. The losses of these epochs cannot end training.
    loss : {"gaussian", "bernoulli"}, default="gaussian"
        The likelihood :math:`p(x | z)`. "gaussian" has one variance for all entries of the scaled
        data, always the variance that fits the errors best [4]_. "bernoulli" needs data in [0, 1]
        or ``scaling="minmax"``; for values between 0 and 1 it is the cross-entropy. Categories in a
        frame are categorical variables beside "gaussian" numbers; the bound is then divided by the
        number of columns.

    Attributes
    ----------
    noise_variance_ : float or ndarray of shape (n_features,)
        With ``loss="gaussian"``: the variance of :math:`p(x | z)` in the square of the user's
        units, as in :class:`sklearn.decomposition.PCA`. For a frame with categories it has an entry
        for every column, NaN for those of categories.
    active_units_ : ndarray of bool of shape (n_components,)
        Which components of the code say something about a row: the variance of their mean over the
        training rows is above 0.01 [5]_.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    Notes
    -----
    ``penalty`` must be None and ``tied`` must be False. As for every autoencoder, ``score`` is the
    fraction of the variance that the reconstruction keeps, here from the mean of the code.

    References
    ----------
    .. [1] Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR.
    .. [2] Higgins, I. et al. (2017). beta-VAE: learning basic visual concepts with a constrained
       variational framework. ICLR.
    .. [3] Bowman, S. R. et al. (2016). Generating sentences from a continuous space. CoNLL.
    .. [4] Rybkin, O., Daniilidis, K. and Levine, S. (2021). Simple and effective VAE training with
       calibrated decoders. ICML.
    .. [5] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted autoencoders.
       ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import VariationalAutoencoder
    >>> X = load_digits().data
    >>> model = VariationalAutoencoder(8, max_iter=20, random_state=0).fit(X)
    >>> model.sample(5, random_state=0).shape
    (5, 64)
    >>> model.score_samples(X).mean() > model.score_samples(X[:, ::-1]).mean()
    np.True_
    """

    beta: float = parameter(1.0, NOT_NEGATIVE)
    kl_warm_up: int = parameter(10, AT_LEAST_0)
    loss: str | Callable[[Any, Any], Any] = "gaussian"

    noise_variance_ = Fact[float | Array]("noise_variance")
    active_units_ = Fact[Array]("active_units")

    @classmethod
    def from_keras(cls, encoder: Any, decoder: Any, **params: Any) -> NoReturn:
        """Raise ValueError: other estimators wrap Keras models, this one cannot.

        Parameters
        ----------
        encoder, decoder : keras.Model
        **params

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            f"from_keras of a {cls.__name__} must not be used: models do not say which of the "
            "encoder's numbers are means and which variances. Use Autoencoder.from_keras with an "
            "encoder that gives the means."
        )

    def transform(self, X: Any, *, sample: bool = False, random_state: Any = None) -> Array:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        sample : bool, default=False
            False returns the mean of the code of every row, True a random code.
        random_state : int, RandomState instance or None, default=None
            Determines the random codes.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            The codes, float32 for float32 input and float64 otherwise.
        """
        if not sample:
            return super().transform(X)
        rng = check_random_state(random_state)
        with naming_columns(X, self):
            mean, deviation = posterior_of_all(self._checked_fitted(), self._read(X, reset=False))
        codes = mean + deviation * rng.standard_normal(mean.shape)
        return codes.astype(mean.dtype, copy=False)

    def sample(self, n_samples: int = 1, random_state: Any = None, *, noise: bool = False) -> Array:
        """Draw new rows from the model.

        Parameters
        ----------
        n_samples : int, default=1
            The number of rows.
        random_state : int, RandomState instance or None, default=None
            Determines the rows.
        noise : bool, default=False
            False decodes random codes, which gives the means of the likelihood. True also draws
            from the likelihood: it adds Gaussian noise of ``noise_variance_``, and draws categories
            by their probabilities; for "bernoulli" it returns zeros and ones (on the scale of the
            data).

        Returns
        -------
        ndarray of shape (n_samples, n_features), float64
            In the user's units.

        Raises
        ------
        ValueError
            If `n_samples` is not an integer of at least 1.
        """
        fitted = self._checked_fitted()
        _check_count(n_samples)
        rng = check_random_state(random_state)
        rows = fitted.decode(rng.standard_normal((n_samples, self.n_components_)))
        return given_as(fitted, with_noise(fitted, rows, rng) if noise else rows)

    def score_samples(  # type: ignore[override]  # a likelihood has no scaled units
        self, X: Any, *, n_samples: int = 64, random_state: Any = 0
    ) -> Array:
        r"""Return a lower bound on the log-likelihood of every row.

        It is estimated with `n_samples` random codes, weighted by importance (Burda et al., 2016):
        :math:`\log \frac1K \sum_k p(x | z_k) p(z_k) / q(z_k | x)`. More codes give a tighter bound.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        n_samples : int, default=64
            The number of codes to draw for every row.
        random_state : int, RandomState instance or None, default=0
            Determines the codes. Every row gets the same normal numbers, so that its score does not
            depend on other rows.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats; for "gaussian" the logarithm of a density in the user's units. Lower scores are
            more anomalous. For "bernoulli" the score is minus infinity if an entry of the scaled
            row is outside [0, 1], because the likelihood excludes such values. With
            ``scaling="minmax"`` these are values beyond the range of the training rows; clip rows
            to that range first to avoid it.
        """
        _check_count(n_samples)
        fitted = self._checked_fitted()
        size, rng = (
            (n_samples, fitted.structure.spec.n_components),
            check_random_state(random_state),
        )
        with naming_columns(X, self):
            return log_likelihood_bound(fitted, self._read(X, reset=False), rng, size)

    def _recipe(self, X: Any, start: Fitted | None, **instead: Any) -> Recipe:
        self._check_variational()
        instead |= {"penalty": GAUSSIAN_KL, "penalty_weight": self.beta}
        return replace(
            super()._recipe(X, start, **instead),
            ramp=Ramp("penalty_weight", self.kl_warm_up),
            describe=describe_gaussian_code,
        )

    def _check_variational(self) -> None:
        """Raise if a parameter cannot be combined with a Gaussian code and a likelihood."""
        for name, (allowed, reason) in _REQUIRED.items():
            value = getattr(self, name)
            if not any(value is other or value == other for other in allowed):
                raise ValueError(
                    f"{name!r} of a VariationalAutoencoder must be "
                    f"{' or '.join(map(repr, allowed))}{reason}. Got {value!r}."
                )
        if self.scaling == "quantile":
            raise ValueError(
                "'scaling' of a VariationalAutoencoder must not be 'quantile', because its "
                "likelihood would have no units. Put sklearn.preprocessing.QuantileTransformer "
                "before the estimator."
            )


def _check_count(n_samples: Any) -> None:
    if isinstance(n_samples, bool) or not isinstance(n_samples, Integral) or n_samples < 1:
        raise ValueError(f"'n_samples' must be an integer of at least 1. Got {n_samples!r}.")


_OWN_ENCODER = ", because its encoder gives variances too"
# The allowed values of parameters, and why.
_REQUIRED: dict[str, tuple[tuple[Any, ...], str]] = {
    "penalty": ((None,), ", because its divergence from the normal distribution is a penalty"),
    "penalty_weight": ((None,), "; 'beta' is the weight of its penalty"),
    "sparsity": ((None,), ", because its penalty has none"),
    "tied": ((False,), _OWN_ENCODER),
    "code_activation": (("auto", "identity", "linear"), ""),
    "linear_path": ((False, "auto"), _OWN_ENCODER),
    "loss": (("gaussian", "bernoulli", "binary_crossentropy"), ""),
}
