import Testing

@Suite struct QuireSmoke {
    @Test func builds() {}
}
