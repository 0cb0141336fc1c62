#include <exception>
#include <string>

#include "host/cuda/vectors.h"
#include "kernels/probe.h"

namespace cunewton::cuda {

namespace {

std::string version(int number) {
    return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

/// Throws InvalidArgument while a stream that waits for the default stream is being captured, which
/// can be asked without harm to the capture. Of others only their owner can ask that: there the
/// first allocation fails, with the same exception, and CUDA ends the capture.
void require_no_capture() {
    for (const cudaStream_t stream : {cudaStreamLegacy, cudaStreamPerThread}) {
        cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
        check(cudaStreamIsCapturing(stream, &capture), "the device cannot be used");
        if (capture != cudaStreamCaptureStatusNone)
            fail(cudaErrorStreamCaptureUnsupported, "the device cannot be used");
    }
}

Probe find_device() {
    int driver = 0, runtime = 0, devices = 0;
    check(cudaDriverGetVersion(&driver), "the CUDA driver has no version");
    check(cudaRuntimeGetVersion(&runtime), "the CUDA runtime has no version");
    const cudaError_t counted = cudaGetDeviceCount(&devices);
    if (counted != cudaSuccess) static_cast<void>(cudaGetLastError());
    if (counted == cudaErrorNoDevice || (counted == cudaSuccess && devices == 0))
        return {false, "no CUDA device (" + describe(cudaErrorNoDevice) + ")"};
    if (driver == 0)
        return {false, "no CUDA driver (" + describe(counted) + ") install NVIDIA's driver"};
    if (counted == cudaErrorInsufficientDriver)
        return {false, "CUDA driver too old (it supports CUDA " + version(driver) +
                           ", this build needs " + version(runtime) + ") update the driver"};
    check(counted, "CUDA devices could not be counted");

    require_no_capture();
    int device = 0;
    check(cudaGetDevice(&device), "no CUDA device is current");
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, device), "the CUDA device has no properties");

    const OwnedStream stream = make_stream();
    const DeviceArray<int> out(1);
    launch_probe(out.get(), stream.get());
    const cudaError_t launched = cudaGetLastError();
    if (is_no_code(launched)) {
        const std::string architecture =
            std::to_string(properties.major) + std::to_string(properties.minor);
        return {false, "no code for this CUDA device (" + describe(launched) + "; " +
                           properties.name + " has architecture " + architecture +
                           ") build with CMAKE_CUDA_ARCHITECTURES=" + architecture};
    }
    check(launched, "a first kernel could not be launched");
    check(cudaStreamSynchronize(stream.get()), "a first kernel failed");
    return {true, std::string("ready (") + properties.name + ")"};
}

}  // namespace

Probe probe_cuda() {
    try {
        return find_device();
    } catch (const InvalidArgument&) {
        throw;
    } catch (const std::exception& error) {
        return {false, error.what()};
    }
}

}  // namespace cunewton::cuda
