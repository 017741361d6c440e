from threadpoolctl import threadpool_limits

from crossfold.mlp._numpy_engine import blas_threads
from crossfold.templates.parallel import side_by_side


def test_matrix_products_of_several_jobs_use_one_thread_each() -> None:
    with threadpool_limits(2, "blas"):
        assert side_by_side(blas_threads, [()] * 3) == [1, 1, 1]
        assert side_by_side(blas_threads, [()]) == [2] == [blas_threads()]
