"""Facts about the tables for regression."""

from functools import partial

from . import _tables
from ._tables import Dataset, same

# UCI: names, order of rows and values agree with the served data.csv, whose digests
# public projects have recorded (the tests rebuild those files byte for byte).
# OpenML: the names are the published ones; that it serves our order of rows and our
# digits could not be tried. If it does not, a download ends in a checksum error.
DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="no2",
            targets={"target": "no2_concentration"},
            features=same(
                "cars_per_hour temperature_at_2m wind_speed temperature_diff_2m_25m "
                "wind_direction hour_of_day day"
            ),
            source="openml",
            source_id=547,
            sha256="e40f7764f29bd0af28328d1be3dfadaf34ea1a55d1bef9ff0d0be6961e9d9b35",
            integer=("hour_of_day", "day"),
            descr="""NO2 at a road in Oslo (StatLib, M. Aldrin; OpenML 547).

500 hours between October 2001 and August 2003 at Alnabru. Target: logarithm of the
concentration of NO2. Features: logarithm of the number of cars per hour, temperature
2 m above ground (deg C), wind speed (m/s), temperature difference between 25 m and 2 m
(deg C), wind direction (degrees), hour of the day, days since 1 October 2001.""",
        ),
        Dataset(
            name="airfoil",
            targets={"target": "scaled-sound-pressure"},
            features={
                "frequency": "frequency",
                "angle": "attack-angle",
                "chord": "chord-length",
                "velocity": "free-stream-velocity",
                "suction": "suction-side-displacement-thickness",
            },
            source="uci",
            source_id=291,
            sha256="a1dc39118370c09df664c37e61885ed7782ecd8ddeb0786414bd6d794636899e",
            integer=("frequency",),
            descr="""Airfoil self-noise (NASA; UCI 291, CC BY 4.0).

1503 wind-tunnel measurements of NACA 0012 blade sections. Target: scaled sound pressure
level (dB). Features: frequency (Hz), angle of attack (degrees), chord length (m), free
stream velocity (m/s), displacement thickness on the suction side (m).""",
        ),
        Dataset(
            name="concrete",
            targets={"target": "Concrete compressive strength"},
            features={
                "Cement": "Cement",
                "BlastFurnaceSlag": "Blast Furnace Slag",
                "FlyAsh": "Fly Ash",
                "Water": "Water",
                "Superplasticizer": "Superplasticizer",
                "CoarseAggregate": "Coarse Aggregate",
                "FineAggregate": "Fine Aggregate",
                "Age": "Age",
            },
            source="uci",
            source_id=165,
            sha256="90442d7a7d9289d5040697f297207735c3fdedf2f7ba649a73ba16d915ef5000",
            integer=("Age",),
            descr="""Concrete compressive strength (I-C. Yeh; UCI 165, CC BY 4.0).

1030 laboratory samples. Target: compressive strength (MPa). Features: seven ingredients
(kg per cubic metre of mixture) and the age (days).""",
        ),
        Dataset(
            name="abalone",
            targets={"target": "Rings"},
            features=same(
                "Sex Length Diameter Height Whole_weight Shucked_weight Viscera_weight "
                "Shell_weight"
            ),
            source="uci",
            source_id=1,
            sha256="af22a2066827b081634cf5850f3cbb5b478bc788c7e5717d2d5e1d0904bf41da",
            text=("Sex",),
            descr="""Abalone (W. Nash and others, Tasmania; UCI 1, CC BY 4.0).

4177 shells. Target: number of rings (the age in years is about rings + 1.5). Features:
sex (M, F, or I for infant), length, diameter and height (in units of 200 mm), and four
weights (in units of 200 g).""",
        ),
        Dataset(
            name="energy",
            targets={"target_heating": "Y1", "target_cooling": "Y2"},
            features={
                "compactness": "X1",
                "surface_area": "X2",
                "wall_area": "X3",
                "roof_area": "X4",
                "height": "X5",
                "orientation": "X6",
                "glazing_area": "X7",
                "glazing_distribution": "X8",
            },
            source="uci",
            source_id=242,
            sha256="b744e5552e725aef2f6d7a92380e9d8516b6d36e3177245986ea1e0b09972af4",
            integer=("orientation", "glazing_distribution"),
            descr="""Energy efficiency (Tsanas and Xifara; UCI 242, CC BY 4.0).

768 simulated buildings. Targets: heating load and cooling load (kWh per square metre).
Features: relative compactness, areas of surface, wall and roof (square metres), height
(m), orientation (2 to 5), glazing area (share of the floor area), and its distribution
(0 to 5).""",
        ),
        Dataset(
            name="power_plant",
            targets={"target": "PE"},
            features={
                "temperature": "AT",
                "vacuum": "V",
                "pressure": "AP",
                "humidity": "RH",
            },
            source="uci",
            source_id=294,
            sha256="470f75490ae0526ceaf1157970fadeafeee975d915992207dbc064d00e85a8f9",
            descr="""Combined cycle power plant (Tufekci and Kaya; UCI 294, CC BY 4.0).

9568 hourly averages, 2006 to 2011, in shuffled order. Target: net electrical output
(MW). Features: ambient temperature (deg C), exhaust vacuum (cm Hg), ambient pressure
(mbar), relative humidity (%).""",
        ),
        Dataset(
            name="bank8fm",
            targets={"target": "rej"},
            features=same("a1cx a1cy b2x b2y a2pop a3pop temp mxql"),
            source="openml",
            source_id=572,
            sha256="982fa48fb6844bb5f7ceb74867129925dcdf2aab82a88f830eb3348d437567d0",
            integer=("mxql",),
            descr="""Bank queues, bank-8FM (DELVE; OpenML 572).

8192 runs of a simulation of customers who choose between banks. Target: rejection rate,
the share of customers who leave because the queues are full. Features: position of one
area (a1cx, a1cy) and of one bank (b2x, b2y), population of two areas (a2pop, a3pop),
temperature of the choice (temp), and longest queue (mxql).""",
        ),
        Dataset(
            name="wind",
            targets={"target": "MAL"},
            features=same("year month day RPT VAL ROS KIL SHA BIR DUB CLA MUL CLO BEL"),
            source="openml",
            source_id=503,
            sha256="f38b9af53e488929766141d220d16da085a5c01ea525f8300553780840df9316",
            integer=("year", "month", "day"),
            descr="""Wind in Ireland (Haslett and Raftery 1989; StatLib, OpenML 503).

6574 days, 1961 to 1978, in order of time. Target: average wind speed of the day at
Malin Head (knots). Features: year (two digits), month, day, and the wind speed at
eleven other stations (knots).""",
        ),
    )
}

load = partial(_tables.load, datasets=DATASETS)
