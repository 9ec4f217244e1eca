#include "apps/bench/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace troupe::bench {
namespace {

double micros(std::chrono::duration<double> time) { return time.count() * 1e6; }

double per_operation(const Row& row, std::chrono::duration<double> cpu) {
  return micros(cpu) / static_cast<double>(std::max<std::uint64_t>(row.measured.operations, 1));
}

template <class... Values>
std::string formatted(const char* format, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

/// Whole numbers as such.
std::string figure(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? formatted("%.0f", value) : formatted("%.3f", value);
}

std::string figures_line(const Measured& measured) {
  std::string line;
  for (const auto& [name, value] : measured.figures) line += " " + name + " " + figure(value);
  if (measured.order_errors > 0) line += " order_errors " + std::to_string(measured.order_errors);
  return line.empty() ? "" : "    " + line + "\n";
}

std::string figures_json(const Measured& measured) {
  std::string json;
  for (const auto& [name, value] : measured.figures)
    json += (json.empty() ? "\"" : ", \"") + name + "\": " + figure(value);
  return "{" + json + "}";
}

}  // namespace

std::string table_heading() {
  return "                                requests                   latency in ms                              CPU us "
         "per op\n"
         "workload           connections  on each       ops/s       p50       p99     p99.9       max   errors  "
         "servers  "
         "client\n";
}

std::string table_row(const Row& row) {
  const Histogram& latency = row.measured.latency;
  const auto ms = [](Histogram::Duration time) { return micros(time) / 1000; };
  return formatted("%-17s %12u %8u %11.0f %9.3f %9.3f %9.3f %9.3f %8llu %8s %7.1f\n", name_of(row.load.workload),
                   row.load.connections, row.load.outstanding, row.measured.ops_per_second(),
                   ms(latency.percentile(50)), ms(latency.percentile(99)), ms(latency.percentile(99.9)),
                   ms(latency.max()), static_cast<unsigned long long>(row.measured.errors),
                   row.server_cpu ? formatted("%.1f", per_operation(row, *row.server_cpu)).c_str() : "-",
                   per_operation(row, row.client_cpu)) +
         figures_line(row.measured);
}

std::string json_row(const Row& row) {
  const Load& load = row.load;
  const Measured& measured = row.measured;
  const Histogram& latency = measured.latency;
  const auto whole = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  return formatted(
             "{\"protocol\": \"%s\", \"workload\": \"%s\", \"connections\": %u, "
             "\"outstanding_per_connection\": %u, \"rate\": %.0f, \"value_size\": %zu, \"seconds\": %.3f, ",
             row.protocol.c_str(), name_of(load.workload), load.connections, load.outstanding, load.rate,
             load.value_size, measured.elapsed.count()) +
         formatted(
             "\"operations\": %llu, \"errors\": %llu, \"order_errors\": %llu, \"lost_connections\": %u, "
             "\"ops_per_second\": %.1f, ",
             whole(measured.operations), whole(measured.errors), whole(measured.order_errors),
             measured.lost_connections, measured.ops_per_second()) +
         formatted("\"latency_us\": {\"mean\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}, ",
                   micros(latency.mean()), micros(latency.percentile(50)), micros(latency.percentile(99)),
                   micros(latency.percentile(99.9)), micros(latency.max())) +
         "\"server_cpu_us_per_op\": " +
         (row.server_cpu ? formatted("%.2f", per_operation(row, *row.server_cpu)) : "null") +
         formatted(", \"client_cpu_us_per_op\": %.2f, ", per_operation(row, row.client_cpu)) +
         "\"server_memory_bytes\": " +
         (row.server_memory ? formatted("{\"anonymous\": %llu, \"files\": %llu}", whole(row.server_memory->anonymous),
                                        whole(row.server_memory->of_files))
                            : "null") +
         ", \"figures\": " + figures_json(measured) + ", \"tree\": \"" + row.tree + "\"}\n";
}

}  // namespace troupe::bench
