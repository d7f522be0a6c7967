// SPDX-License-Identifier: EUPL-1.2

// Package flux reads the part of the query language Flux that the journal is asked
// with, and says of a row whether a query wants it:
//
//	from(bucket: "journal")
//	    |> range(start: -1h)
//	    |> filter(fn: (r) => r._measurement == "deploy" and r.seconds > 10.0)
//	    |> sort(columns: ["seconds"], desc: true)
//	    |> limit(n: 10)
//
// What it reads means in Flux what it means here. What lies outside is an Error with
// its place. It knows nothing of a store.
package flux
