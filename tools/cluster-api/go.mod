// The Cluster API releases whose CRDs our tests load. The pins are the lines of go.sum: each release is fetched by
// its version with `go mod download`, which checks it against that line. Nothing is built, so nothing is required
// here, and `go mod tidy` must not be run (it would empty go.sum).
module cadastre.dev/tools/cluster-api

go 1.24.0
