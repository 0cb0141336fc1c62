#include "host/backend/memory.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>

#include "cunewton/error.h"

namespace cunewton {

namespace {

constexpr std::size_t unknown = std::numeric_limits<std::size_t>::max();

/// The number that begins a file, or `unknown` ("max" too).
std::size_t number_in(const std::string& path) {
    std::ifstream file(path);
    std::size_t value = 0;
    return file >> value ? value : unknown;
}

/// Available memory and free swap space of the machine.
std::size_t free_on_machine() {
    std::ifstream file("/proc/meminfo");
    std::string key, unit;
    std::size_t kilobytes = 0, sum = 0;
    bool known = false;
    while (file >> key >> kilobytes) {
        if (key == "MemAvailable:" || key == "SwapFree:") {
            sum += kilobytes * 1024;
            known = known || key == "MemAvailable:";
        }
        std::getline(file, unit);
    }
    return known ? sum : unknown;
}

/// The lowest limit on the process's control group, or on that of the container around it.
std::size_t group_limit() {
    std::size_t limit = std::min(number_in("/sys/fs/cgroup/memory.max"),
                                 number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        // number:controllers:path; version 2 has no controllers.
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (controllers.empty())
            limit = std::min(limit, number_in("/sys/fs/cgroup" + path + "/memory.max"));
        if (controllers == "memory")
            limit = std::min(limit,
                             number_in("/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"));
    }
    return limit;
}

/// What the process occupies; 0 if that is not known.
std::size_t resident() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
    return 0;
}

}  // namespace

std::size_t free_host_bytes() {
    const std::size_t limit = group_limit(), used = resident();
    const std::size_t within = limit == unknown ? unknown : limit - std::min(limit, used);
    return std::min(free_on_machine(), within);
}

std::string readable_bytes(double bytes) {
    const char* const units[] = {"bytes", "KB", "MB", "GB", "TB", "PB", "EB"};
    int unit = 0;
    for (; bytes >= 1000 && unit < 6; ++unit) bytes /= 1000;
    char text[64];
    std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return text;
}

void require_room(double wanted, std::size_t free, const std::string& what,
                  const std::string& where, const std::string& advice) {
    if (wanted < static_cast<double>(worth_asking) || wanted <= static_cast<double>(free)) return;
    throw OutOfMemory(what + " do not fit into the memory of the " + where + " (" +
                      readable_bytes(wanted) + " wanted, " +
                      readable_bytes(static_cast<double>(free)) + " free) " + advice);
}

}  // namespace cunewton
