// The shop's worker, a stand-in.
