// `InspectReport` as text for a terminal, for `quire inspect`. The first lines answer the question that made somebody run
// it (how much would empty-table reclaim give back), the rest says where and how full.

extension InspectReport {
    /// The report as lines of text, with the `areaLimit` areas that waste most.
    public func text(areaLimit: Int = 10) -> String {
        var lines = [
            "process \(pid) (\(status.name))",
            "  VIRT \(status[.vmSize].readable)   RES \(status[.vmRSS].readable)   swap \(status[.vmSwap].readable)   "
                + "VmPTE \(status[.vmPTE].readable)\(change)",
            "",
        ]
        lines += tableLines + [""] + histogramLines
        lines += areaLines(limit: areaLimit)
        lines += [
            "",
            "empty-table reclaim would give back \(tables.reclaimable.readable) of \(status[.vmPTE].readable)",
            "scanned \(cost.spans.grouped) spans in \(cost.chunks.grouped) chunks by \(method.rawValue), "
                + "longest hold \(cost.longestHoldNanoseconds.milliseconds) ms, "
                + "total \(cost.totalHoldNanoseconds.milliseconds) ms "
                + "(\(cost.elapsedNanoseconds.milliseconds) ms with all)",
        ]
        return lines.joined(separator: "\n")
    }

    private var change: String {
        guard status[.vmPTE] != vmPTEBefore else { return "" }
        return " (\(vmPTEBefore.readable) when the scan began)"
    }

    private var tableLines: [String] {
        let rows: [(String, String)] = [
            ("page-table pages, VmPTE", tables.tables.grouped),
            ("  populated PTE tables", tables.populated.grouped),
            ("  kept for huge pages", tables.deposited.grouped),
            ("  PMD and PUD tables", tables.upperLevels.readable),
            ("  empty PTE tables", tables.empty.readable),
        ]
        let width = rows.map(\.1.count).max() ?? 0
        return rows.map { $0.0.padded(to: 28) + $0.1.padded(to: width, right: true) }
    }

    private var histogramLines: [String] {
        let counts = FillBucket.allCases.map { $0 == .empty ? tables.empty.upperBound : total[$0] }
        let most = max(1, counts.max() ?? 1)
        let width = max(6, counts.map(\.grouped.count).max() ?? 0)
        var lines = ["entries in use  " + "tables".padded(to: width, right: true)]
        for (bucket, count) in zip(FillBucket.allCases, counts) {
            // Every bucket that has a table shows a mark.
            let bar = count == 0 ? 0 : max(1, Int(Double(count) / Double(most) * 40))
            lines.append(
                ("  " + bucket.label.padded(to: 14) + count.grouped.padded(to: width, right: true) + "  "
                    + String(repeating: "#", count: bar)).trimmedRight)
        }
        if total.withoutPages > 0 {
            lines.append("  \(total.withoutPages.grouped) tables hold swap entries or markers only, no page")
        }
        if total.huge > 0 { lines.append("  \(total.huge.grouped) spans are mapped by one huge entry") }
        return lines
    }

    private func areaLines(limit: Int) -> [String] {
        let sorted = areasByWaste()
        guard limit > 0, !sorted.isEmpty else { return [] }
        let rows = sorted.prefix(limit).map { report in
            [
                Kilobytes(rawValue: UInt64(report.area.range.count) / 1024).readable,
                Kilobytes(rawValue: report.tally.presentEntries * 4 + report.tally.huge * 2048).readable,
                report.tally.populated.grouped, report.emptyTables.map { $0 == 0 ? "0" : "~" + $0.grouped } ?? "-",
                (report.tally[.one] + report.tally[.upTo7]).grouped,
            ]
        }
        let titles = ["VIRT", "pages", "tables", "empty", "<8 used"]
        let widths = titles.indices.map { column in (rows.map { $0[column].count } + [titles[column].count]).max() ?? 0
        }
        func row(_ cells: [String]) -> String {
            zip(cells, widths).map { $0.padded(to: $1, right: true) }.joined(separator: "  ")
        }
        var lines = ["", "areas that waste most (\(min(limit, sorted.count)) of \(areas.count.grouped))", row(titles)]
        for (report, cells) in zip(sorted, rows) {
            let area = report.area
            lines.append(
                "\(row(cells))  \(String(area.range.lowerBound, radix: 16))-\(String(area.range.upperBound, radix: 16)) "
                    + "\(area.permissions) \(area.path)".trimmedRight)
        }
        return lines
    }
}

extension Kilobytes {
    /// The amount in the largest unit that leaves at least one, with one decimal.
    fileprivate var readable: String {
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
        var value = Double(rawValue)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        if unit == 0 { return "\(rawValue) kB" }
        let tenths = UInt64((value * 10).rounded())
        return "\((tenths / 10).grouped).\(tenths % 10) \(units[unit])"
    }
}

extension ClosedRange<Kilobytes> {
    fileprivate var readable: String {
        lowerBound.readable == upperBound.readable
            ? upperBound.readable : "\(lowerBound.readable) to \(upperBound.readable)"
    }
}

extension ClosedRange<UInt64> {
    fileprivate var readable: String {
        lowerBound == upperBound ? upperBound.grouped : "\(lowerBound.grouped) to \(upperBound.grouped)"
    }
}

extension BinaryInteger {
    /// The digits in groups of three.
    fileprivate var grouped: String {
        let digits = String(self)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result += "," }
            result.append(digit)
        }
        return result
    }
}

extension UInt64 {
    /// Nanoseconds as milliseconds, with two decimals.
    fileprivate var milliseconds: String {
        let hundredths = (self + 5_000) / 10_000
        let fraction = String(hundredths % 100)
        return "\((hundredths / 100).grouped).\(fraction.count < 2 ? "0" : "")\(fraction)"
    }
}

extension String {
    fileprivate func padded(to width: Int, right: Bool = false) -> String {
        let blanks = String(repeating: " ", count: Swift.max(0, width - count))
        return right ? blanks + self : self + blanks
    }

    fileprivate var trimmedRight: String {
        var trimmed = Substring(self)
        while trimmed.last == " " { trimmed.removeLast() }
        return String(trimmed)
    }
}
