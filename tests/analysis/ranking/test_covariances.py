import numpy as np
import pytest

from afield.analysis.fitting.transfer import fit_transfer
from afield.analysis.ranking.covariances import covariances
from afield.analysis.ranking.paired import PairedScores
from afield.analysis.study_fits import fit_study
from afield.scoring.jackknife import BLOCKS
from afield.scoring.metrics import METRICS
from afield.study.record import StudyRecord
from tests.fixtures.records import make_record


def standard_errors(covariance: np.ndarray, contrasts: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ci,ij,cj->c", contrasts, covariance, contrasts))


@pytest.mark.slow
def test_they_agree_with_those_of_the_leading_metrics_resamples(record: StudyRecord) -> None:
    """Standard errors of values and of differences within a third: of 50 blocks they are known to about a tenth."""
    names = [name for name in record.tasks[0].metrics if METRICS[name].direction == "higher"]
    contrasts = np.array([*np.eye(4), [1, -1, 0, 0], [0, 1, -1, 0], [-3, -1, 1, 3]])
    found = list(covariances(record, "elpv", "plain", names))
    assert [each.metric for each in found] == names
    for each in found:
        assert each.blocks == BLOCKS
        scores = PairedScores.of(record, "elpv", METRICS[each.metric], ("plain",))
        resampled = scores.covariance({name: mine for (name, _), mine in scores.networks.items()})
        assert list(each.table) == list(resampled)
        one, other = (standard_errors(table.to_numpy(), contrasts) for table in (each.table, resampled))
        np.testing.assert_allclose(one, other, rtol=1 / 3)


@pytest.mark.slow
def test_the_fits_of_further_metrics_know_them(record: StudyRecord) -> None:
    fits = {fit.metric: fit for fit in fit_study(record, 0.1)}
    (found,) = covariances(record, "elpv", "plain", ["auroc"])
    fit = fits["auroc"]
    names = fit.points["backbone"]
    np.testing.assert_array_equal(fit.observed.errors, found.table.reindex(index=names, columns=names))
    assert fit.observed.clusters == BLOCKS
    assert fits["accuracy"].observed.clusters == 525


@pytest.mark.slow
def test_where_all_is_one_cluster_the_table_tells_the_errors() -> None:
    record = make_record(cluster_size=300, n_test=300, seeds=(0,), metrics=("accuracy", "auroc"))
    (found,) = covariances(record, "elpv", "plain", ["auroc"])
    assert np.isnan(np.diag(found.table)).all()
    by_study, by_table = fit_study(record, 0.1)[1], fit_transfer(record.results)[1]
    assert by_study.metric == by_table.metric == "auroc"
    np.testing.assert_array_equal(by_study.observed.errors, by_table.observed.errors)
    assert by_study.slope is not None
    assert by_table.slope is not None
    assert by_study.slope.low == pytest.approx(by_table.slope.low)
