#include "apps/bench/report.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::bench {
namespace {

double micros(std::chrono::duration<double> time) {
  return time.count() * 1e6;
}

double per_operation(const Row& row, std::chrono::duration<double> cpu) {
  return micros(cpu) / static_cast<double>(std::max<std::uint64_t>(row.measured.operations, 1));
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string table_heading() {
  return "                       requests                   latency in ms                              CPU us per op\n"
         "workload  connections  on each       ops/s       p50       p99     p99.9       max   errors  servers  "
         "client\n";
}

std::string table_row(const Row& row) {
  const Histogram& latency = row.measured.latency;
  const auto ms = [](Histogram::Duration time) { return micros(time) / 1000; };
  return formatted("%-8s %12u %8u %11.0f %9.3f %9.3f %9.3f %9.3f %8llu %8s %7.1f\n", name_of(row.load.workload),
                   row.load.connections, row.load.outstanding, row.measured.ops_per_second(),
                   ms(latency.percentile(50)), ms(latency.percentile(99)), ms(latency.percentile(99.9)),
                   ms(latency.max()), static_cast<unsigned long long>(row.measured.errors),
                   row.server_cpu ? formatted("%.1f", per_operation(row, *row.server_cpu)).c_str() : "-",
                   per_operation(row, row.client_cpu));
}

std::string json_row(const Row& row) {
  const Histogram& latency = row.measured.latency;
  return formatted(
      "{\"workload\": \"%s\", \"connections\": %u, \"outstanding_per_connection\": %u, \"value_size\": %zu, "
      "\"seconds\": %.3f, \"operations\": %llu, \"errors\": %llu, \"lost_connections\": %u, \"ops_per_second\": %.1f, "
      "\"latency_us\": {\"mean\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}, "
      "\"server_cpu_us_per_op\": %s, \"client_cpu_us_per_op\": %.2f}\n",
      name_of(row.load.workload), row.load.connections, row.load.outstanding, row.load.value_size,
      row.measured.elapsed.count(), static_cast<unsigned long long>(row.measured.operations),
      static_cast<unsigned long long>(row.measured.errors), row.measured.lost_connections,
      row.measured.ops_per_second(), micros(latency.mean()), micros(latency.percentile(50)),
      micros(latency.percentile(99)), micros(latency.percentile(99.9)), micros(latency.max()),
      row.server_cpu ? formatted("%.2f", per_operation(row, *row.server_cpu)).c_str() : "null",
      per_operation(row, row.client_cpu));
}

}  // namespace troupe::bench
