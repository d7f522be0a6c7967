// SPDX-License-Identifier: EUPL-1.2

// Package flux reads queries of the journal, in a part of the query language Flux, and decides
// whether a row belongs to the result:
//
//	from(bucket: "journal")
//	    |> range(start: -1h)
//	    |> filter(fn: (r) => r._measurement == "deploy" and r.seconds > 10.0)
//	    |> sort(columns: ["seconds"], desc: true)
//	    |> limit(n: 10)
//
// Every accepted query means the same in Flux. Any other text is an Error with its place. The
// package knows nothing of a store.
package flux
