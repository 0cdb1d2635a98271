import Testing

@Suite struct QuireRecordSmoke {
    @Test func builds() {}
}
