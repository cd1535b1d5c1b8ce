"""The recipes of docs/saving.md for trackers and searches."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tfae
from tfae import Autoencoder

X = load_digits().data[:300].astype(np.float32)
SERVED = """
import mlflow
import tfae


class Codes(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = tfae.load(context.artifacts["model"])

    def predict(self, context, model_input, params=None):
        return self.model.transform(model_input)


mlflow.models.set_model(Codes())
"""
SMALL = {"hidden_layer_sizes": (16,), "random_state": 0}


@pytest.mark.filterwarnings("ignore")  # of what MLflow uses
def test_mlflow_logs_loads_and_serves(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/runs.db")
    pipeline = make_pipeline(StandardScaler(), Autoencoder(4, max_iter=3, **SMALL)).fit(X)
    experiment = mlflow.create_experiment("codes", artifact_location=(tmp_path / "a").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        mlflow.log_params(pipeline[-1].settings_)
        for name, values in pipeline[-1].history_.items():
            for epoch, value in enumerate(values):
                mlflow.log_metric(name, value, step=epoch)
        logged = mlflow.sklearn.log_model(
            pipeline,
            name="autoencoder",
            serialization_format="skops",
            skops_trusted_types=list(tfae.trusted_types()),
        )
        pipeline[-1].save(tmp_path / "model.tfae")
        (tmp_path / "serve.py").write_text(SERVED)
        served = mlflow.pyfunc.log_model(
            name="codes",
            python_model=str(tmp_path / "serve.py"),
            artifacts={"model": str(tmp_path / "model.tfae")},
        )
    again = mlflow.sklearn.load_model(logged.model_uri)
    np.testing.assert_array_equal(again.transform(X), pipeline.transform(X))
    codes = mlflow.pyfunc.load_model(served.model_uri).predict(X)
    np.testing.assert_array_equal(codes, pipeline[-1].transform(X))


def test_optuna_prunes_by_the_held_out_loss():
    optuna = pytest.importorskip("optuna")
    import keras

    class Prune(keras.callbacks.Callback):
        """Reports the held-out loss of every epoch, and stops trials that fall behind."""

        def __init__(self, trial):
            super().__init__()
            self.trial = trial

        def on_epoch_end(self, epoch, logs=None):
            self.trial.report(logs["val_loss"], epoch)
            if self.trial.should_prune():
                raise optuna.TrialPruned

    def objective(trial):
        model = Autoencoder(
            4,
            hidden_layer_sizes=(trial.suggest_int("units", 8, 32),),
            # Trial 1 does not learn, so it must be pruned.
            learning_rate_init=1e-3 if trial.number != 1 else 1e-12,
            linear_path=False,
            early_stopping=True,
            max_iter=6,
            callbacks=[Prune(trial)],
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X)
        return model.history_["val_loss"][-1]

    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=2),
    )
    study.optimize(objective, n_trials=3)
    states = [trial.state.name for trial in study.trials]
    assert states[:2] == ["COMPLETE", "PRUNED"]
    assert len(study.trials[1].intermediate_values) < 6
