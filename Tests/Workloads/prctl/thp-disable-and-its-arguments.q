# PR_SET_THP_DISABLE is seen by PR_GET_THP_DISABLE; the arguments behind it must be 0.
prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)
prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)
prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0)
prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0)
prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0)
prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0)
