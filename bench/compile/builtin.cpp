// A user's file with a built-in model and a built-in loss: see scripts/compile-times.
#include <cunewton/fit.h>
#include <cunewton/loss/huber.h>
#include <cunewton/minimize.h>
#include <cunewton/model/gaussian.h>

cunewton::BatchResult<float> fit_peaks(const cunewton::BatchData<float>& data) {
    return cunewton::fit_batch(cunewton::make_fit_model(cunewton::Gaussian2D{}), data);
}

cunewton::Result<double> regress(const cunewton::Samples<double>& samples,
                                 const std::vector<double>& x0) {
    return cunewton::minimize(
        cunewton::make_linear_predictor<double>(cunewton::Huber{1.0}, samples), x0);
}
