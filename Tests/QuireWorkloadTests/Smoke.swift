import Testing

@Suite struct QuireWorkloadSmoke {
    @Test func builds() {}
}
