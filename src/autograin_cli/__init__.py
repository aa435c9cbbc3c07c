"""Learn coarse-grained models of molecules from atomistic trajectories with forces.

The data flow, one package a stage and one record from each to the next:

    files.atomistic   trajectory, topology, forces -> Trajectory of atoms, Molecules
    mapping           Trajectory of atoms          -> Mapping
    potential         Trajectory of beads, forces  -> Potential
    simulation        Potential                    -> Snapshots
    comparison        two Trajectories of beads    -> Comparison
    files.artifacts   every record                <-> one HDF5 file a stage
    files.report      Comparison                   -> HTML
    cli               the commands, errors and exit codes
"""

__version__ = "0.1.0"
