"""The cluster that outlives a job: started once, attached to by one job after another."""
