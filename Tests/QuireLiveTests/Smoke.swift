import Testing

@Suite struct QuireLiveSmoke {
    @Test func builds() {}
}
